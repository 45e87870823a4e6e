COMPLETE=fish anteroom | source
