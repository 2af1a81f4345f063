"""What an image says of itself: packages, files, owners, licences, sizes, bills of materials."""
