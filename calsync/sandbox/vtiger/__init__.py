"""A stand-in for the web service of a vtiger CRM (`webservice.php`): users, their events, and what may go wrong."""
