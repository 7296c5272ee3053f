"""Labelled modules of one's own: what people write, healthy or with a fault built in, and what gradlab and others say of them."""
