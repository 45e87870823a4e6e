-- A VM that outlives any session is its user's, until nobody has used it for long.
ALTER TABLE vms ADD COLUMN user_id TEXT;
ALTER TABLE vms ADD COLUMN used_at BIGINT;

-- What was asked of a CLI, and what became of it. Neither the prompt nor the answer is kept.
CREATE TABLE prompts (
    id         TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    provider   TEXT   NOT NULL,
    vm_id      TEXT,
    status     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT,
    exit_code  BIGINT,
    failure    TEXT,
    usage      TEXT
);
CREATE INDEX prompts_of_user ON prompts (user_id, created_at);
