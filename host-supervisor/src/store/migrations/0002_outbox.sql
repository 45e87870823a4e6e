-- What the receiver of the webhook has to be told. A row is written in the transaction of what it tells, and holds no
-- secret. `status` is pending, delivered or failed; `replaced` is a JSON list of sessions.
CREATE TABLE outbox (
    id           TEXT   NOT NULL PRIMARY KEY,
    event        TEXT   NOT NULL,
    session_id   TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    provider     TEXT   NOT NULL,
    generation   BIGINT NOT NULL,
    replaced     TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    status       TEXT   NOT NULL,
    attempts     BIGINT NOT NULL DEFAULT 0,
    next_try_at  BIGINT NOT NULL,
    finished_at  BIGINT,
    last_answer  TEXT
);
CREATE INDEX outbox_due ON outbox (status, next_try_at);
CREATE INDEX outbox_of_session ON outbox (session_id);
