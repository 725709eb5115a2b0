"""The web console: JSON API, live tail and the page that shows them."""
