-- When an instance was started first: continuing as new does not change it, another start of the same id does. Tokens in addresses are good for one
-- such life of an id. Rows from before have the beginning of time, which keeps addresses good that were handed out for them.
ALTER TABLE instances ADD COLUMN born_at INTEGER NOT NULL DEFAULT 0;
