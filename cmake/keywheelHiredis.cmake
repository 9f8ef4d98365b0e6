# Makes keywheel::hiredis: hiredis, with its TLS where that is there. Debian's hiredis brings no target of its own, and
# what others bring differs from version to version.
if(NOT TARGET keywheel::hiredis)
  find_path(KEYWHEEL_HIREDIS_INCLUDE_DIR hiredis/hiredis.h)
  find_library(KEYWHEEL_HIREDIS_LIBRARY hiredis)
  find_path(KEYWHEEL_HIREDIS_SSL_INCLUDE_DIR hiredis/hiredis_ssl.h)
  find_library(KEYWHEEL_HIREDIS_SSL_LIBRARY hiredis_ssl)
  mark_as_advanced(KEYWHEEL_HIREDIS_INCLUDE_DIR KEYWHEEL_HIREDIS_LIBRARY
                   KEYWHEEL_HIREDIS_SSL_INCLUDE_DIR KEYWHEEL_HIREDIS_SSL_LIBRARY)
  if(NOT KEYWHEEL_HIREDIS_INCLUDE_DIR OR NOT KEYWHEEL_HIREDIS_LIBRARY)
    message(FATAL_ERROR "keywheel with Redis needs hiredis (Debian: libhiredis-dev), which was not found")
  endif()
  add_library(keywheel::hiredis INTERFACE IMPORTED)
  set(keywheel_hiredis_libraries "${KEYWHEEL_HIREDIS_LIBRARY}")
  if(KEYWHEEL_HIREDIS_SSL_INCLUDE_DIR AND KEYWHEEL_HIREDIS_SSL_LIBRARY)
    list(PREPEND keywheel_hiredis_libraries "${KEYWHEEL_HIREDIS_SSL_LIBRARY}")
    target_compile_definitions(keywheel::hiredis INTERFACE KEYWHEEL_REDIS_TLS)
  endif()
  set_target_properties(keywheel::hiredis PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${KEYWHEEL_HIREDIS_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES "${keywheel_hiredis_libraries}")
endif()
