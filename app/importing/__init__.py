"""`ringtrace import`: a recorded history goes through the use cases of live traffic, each line at its own time."""
