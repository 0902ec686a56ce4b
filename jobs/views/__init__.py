"""The pages: each shows the true state when it is loaded; scripts only keep it live."""
