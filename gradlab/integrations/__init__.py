"""Callbacks that watch the module which another library's trainer trains. Each file needs its library; nothing else in gradlab does."""
