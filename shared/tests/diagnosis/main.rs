//! What TikTok's answers lead to: the verdict about a connection, its causes, and how the account moves.

mod case;
mod causes;
mod properties;
mod transitions;
