# cmake -DSOURCE=… -DPLANTED=… -P <mutant>.cmake: each mutant includes this, replaces some text, and writes what results.
file(READ "${SOURCE}" planted_text)

function(replace from to)
  string(FIND "${planted_text}" "${from}" first)
  string(FIND "${planted_text}" "${from}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "${SOURCE} must hold this once, or ${CMAKE_SCRIPT_MODE_FILE} must be brought up to date:\n${from}")
  endif()
  string(REPLACE "${from}" "${to}" text "${planted_text}")
  set(planted_text "${text}" PARENT_SCOPE)
endfunction()

macro(plant)
  file(WRITE "${PLANTED}" "${planted_text}")
endmacro()
