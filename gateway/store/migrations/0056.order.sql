-- When the agent was last given a conversation back: what the phone app said before then is old news.
ALTER TABLE conversation ADD COLUMN freed_at timestamptz;
-- A merge looks for both, and so does whoever forgets a customer.
CREATE INDEX turn_conversation ON turn (conversation_id);
CREATE INDEX conversation_contact ON conversation (contact_id);
