"""What passes between citizens and accounts: pushes, replies, chats, windows, templates."""
