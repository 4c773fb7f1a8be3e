-- Templates that went out since the agent's last turn: told to the agent with its next one, in words.
CREATE INDEX message_template_untold ON message (conversation_id)
    WHERE direction = 'out' AND turn_id IS NULL AND author = 'gateway' AND type = 'template';
