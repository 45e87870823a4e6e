-- Keys that call the API. What is kept of one opens nothing: it is the digest of a random secret.
CREATE TABLE api_keys (
    id           TEXT   NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    digest       BLOB   NOT NULL,
    scopes       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);

-- Who did what. Numbers grow and are never given twice, so that a reader can ask for what came after the last one it has.
CREATE TABLE audit (
    number     BIGINT NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    caller     TEXT   NOT NULL,
    acting     TEXT,
    client     TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    target     TEXT   NOT NULL,
    detail     TEXT,
    status     BIGINT NOT NULL,
    request_id TEXT   NOT NULL
);
CREATE INDEX audit_at ON audit (at);

-- Which session was started by which call: a call that is made again starts no second one.
CREATE TABLE started (
    caller      TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    session_id  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (caller, key)
);
