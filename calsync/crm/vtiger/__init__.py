"""The adapter for vtiger CRM: its web service (`webservice.php`), asked as each user, so that its permissions apply."""
