-- Meta's receipt of a send calls a number by another form (Mexico's 521, Argentina's 549): both are given up together.
ALTER TABLE contact_key ADD COLUMN form_of text;
