"""The web server: what is asked of Tidegauge over HTTP."""
