"""Numbers at providers: buying, importing, giving back, and the nightly look at whether both sides agree."""
