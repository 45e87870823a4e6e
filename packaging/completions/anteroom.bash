source <(COMPLETE=bash anteroom)
