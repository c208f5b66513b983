"""The one UTM model: how a landing is read, which source a visit belongs to, where a visit ends."""
