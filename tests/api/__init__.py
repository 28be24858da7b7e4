"""The API from outside: over HTTPS, through the web server and the pooler, on a deployed host."""
