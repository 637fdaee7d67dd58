//! Lambda: the functions' processes, what they are given and what they print.
//!
//! [`functions`] finds a process for each event or starts one, [`process`] is one of them, [`runtime_api`] is what its
//! runtime talks to, [`logs`] keeps its lines.

pub mod functions;
pub mod logs;
pub mod process;
pub mod runtime_api;
