//! The computer around Shoal: full logs, broken settings, folders and modes, what was announced.
