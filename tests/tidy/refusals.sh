#!/bin/sh
# What this system never holds (design of the domain, section 0): no message and no record type may have a field for it.
# Lines that say what is refused carry the word `refused` and are not looked at.
. "$(dirname "$0")/../support/files.sh"
words='ethnic|religio|politic|biometr|fingerprint|face_image|iris|longitude|latitude|geoloc|risk_(level|score)|crime|criminal|contracep|blacklist|native_place|social_credit'
words="$words|民族|宗教|政治面貌|人脸|指纹|虹膜|经纬度|风险等级|重点人员|高危|避孕|黑名单|籍贯|信用分"
files 'proto/*.proto' 'deploy/catalogue/*' 'deploy/policies/*' | xargs -r grep -IniE "$words" | grep -v -i refused |
    sed 's/$/   <- never held by this system/' | found
