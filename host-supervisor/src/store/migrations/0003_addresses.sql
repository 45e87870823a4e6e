-- The address of a VM on the host's bridge. A row stands before the VM's device exists and until it is gone.
CREATE TABLE addresses (
    vm_id   TEXT NOT NULL PRIMARY KEY,
    address TEXT NOT NULL UNIQUE
);
