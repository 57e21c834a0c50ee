"""What an account has published on the platform: menus, media files, QR codes."""
