"""The script on people's websites, and the two endpoints it speaks to."""
