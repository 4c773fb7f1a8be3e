-- Requests about one person's data, and those that are open: both pages read the table as a whole.
CREATE INDEX data_request_contact ON data_request (contact_id, asked_at);
CREATE INDEX data_request_asked ON data_request (asked_at) WHERE state IN ('asked', 'waiting', 'unfinished');
