//! Checks one grant and every ad account under it.
