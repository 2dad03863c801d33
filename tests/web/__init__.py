"""The web application in this process, asked over HTTP: its clock can be moved and its controls be taken out."""
