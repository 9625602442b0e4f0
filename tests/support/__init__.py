"""What tests stand on: a real broker, real databases, the whole stack. Nothing here pretends to be one of them."""
