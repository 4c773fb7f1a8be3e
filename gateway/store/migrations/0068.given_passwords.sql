-- A password that another person made is for one sign-in only: its owner has to choose one then.
ALTER TABLE person ADD COLUMN password_given boolean NOT NULL DEFAULT false;
-- A session by the company's account does not ask for the password.
ALTER TABLE session ADD COLUMN by_password boolean NOT NULL DEFAULT false;
