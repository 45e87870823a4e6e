-- Types are those that SQLite and PostgreSQL share. Times are milliseconds since the Unix epoch.
-- `vms` comes first in time: a row stands before the VM owns anything, so that a killed daemon's leftovers are known.
CREATE TABLE vms (
    id           TEXT   NOT NULL PRIMARY KEY,
    session_id   TEXT,
    kind         TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    directory    TEXT   NOT NULL,
    vcpus        BIGINT NOT NULL,
    memory_mib   BIGINT NOT NULL,
    image_digest TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    ended_at     BIGINT,
    failure      TEXT,
    processes    TEXT   NOT NULL DEFAULT '[]',
    timeline     TEXT,
    event_cursor BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX vms_living ON vms (ended_at);

CREATE TABLE sessions (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL,
    provider     TEXT   NOT NULL,
    purpose      TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    vm_id        TEXT,
    created_at   BIGINT NOT NULL,
    completed_at BIGINT,
    failure      TEXT
);
CREATE INDEX sessions_of_user ON sessions (user_id, created_at);

-- `sealed` is opened with the key named by `key_id` and with user, provider and session as associated data.
CREATE TABLE credentials (
    session_id   TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL,
    provider     TEXT   NOT NULL,
    generation   BIGINT NOT NULL,
    path         TEXT   NOT NULL,
    modified_at  BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    key_id       TEXT   NOT NULL,
    sealed       BLOB   NOT NULL
);
CREATE INDEX credentials_of_user ON credentials (user_id, provider, created_at);
