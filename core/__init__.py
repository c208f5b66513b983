"""What every room needs and none owns: errors, ids, time, phone numbers, values shared by rooms."""
