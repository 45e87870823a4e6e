-- What a VM was launched with, as JSON: enough to wake it with after its daemon is gone.
ALTER TABLE vms ADD COLUMN machine TEXT;
-- The key of a VM's memory on the disk, from before the first byte of it is written until the VM goes on or is gone. `sealed` is
-- opened with the master key named by `key_id` and with the VM's id as associated data; `conditions` is JSON.
CREATE TABLE hibernations (
    vm_id      TEXT   NOT NULL PRIMARY KEY,
    key_id     TEXT   NOT NULL,
    sealed     BLOB   NOT NULL,
    conditions TEXT,
    began_at   BIGINT NOT NULL
);
