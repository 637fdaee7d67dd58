//! Finds grants that are due for a check and queues them; keeps the guard.
