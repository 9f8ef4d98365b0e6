# A cancelled attempt is in flight for ever.
include("${CMAKE_CURRENT_LIST_DIR}/plant.cmake")
replace([[  --c.in_flight;]]
        [[  if (!outcome.failure || outcome.failure->failure != FailureClass::cancelled) --c.in_flight;]])
plant()
