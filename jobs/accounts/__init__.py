"""People's accounts: their forms, how often one may try, what they take with them, their end."""
