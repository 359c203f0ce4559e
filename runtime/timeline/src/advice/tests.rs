//! Rules on runs made by hand.
