"""OpenCRM's REST interface as a CRM backend. Numbers in comments are sections of the fact sheet on OpenCRM."""
