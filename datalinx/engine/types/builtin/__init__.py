"""The built-in semantic types, one entry of facts each."""

from datalinx.engine.types.builtin.contact import EMAIL, HASHED_EMAIL, PHONE_NUMBER
from datalinx.engine.types.builtin.device import COOKIE_ID, DEVICE_ID, MOBILE_AD_ID
from datalinx.engine.types.builtin.locale import LANGUAGE, TIME_ZONE
from datalinx.engine.types.builtin.money import AMOUNT, CURRENCY, PERCENTAGE
from datalinx.engine.types.builtin.person import BIRTH_DATE, GENDER, PERSON_NAME
from datalinx.engine.types.builtin.place import COUNTRY, LATITUDE, LONGITUDE, POSTAL_CODE, REGION
from datalinx.engine.types.builtin.web import DOMAIN, IP_ADDRESS, URL
from datalinx.engine.types.semantic import SemanticType

BUILT_IN: tuple[SemanticType, ...] = (
    EMAIL,
    PHONE_NUMBER,
    AMOUNT,
    CURRENCY,
    PERCENTAGE,
    URL,
    DOMAIN,
    IP_ADDRESS,
    COUNTRY,
    REGION,
    POSTAL_CODE,
    LANGUAGE,
    TIME_ZONE,
    PERSON_NAME,
    BIRTH_DATE,
    GENDER,
    HASHED_EMAIL,
    DEVICE_ID,
    MOBILE_AD_ID,
    COOKIE_ID,
    LATITUDE,
    LONGITUDE,
)
"""All of them, in the order in which people are shown them."""
