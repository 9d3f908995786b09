-- What an agent thought and did for a message: a JSON array of its steps.
ALTER TABLE messages ADD COLUMN thoughts TEXT;
