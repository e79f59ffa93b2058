ALTER TABLE api_keys ADD COLUMN origins JSON;
