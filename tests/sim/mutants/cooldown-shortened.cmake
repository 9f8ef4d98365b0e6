# A key rests half as long as its provider said.
include("${CMAKE_CURRENT_LIST_DIR}/plant.cmake")
replace([[until_ = std::max(until_, until);]] [[until_ = now + (until - now) / 2;]])
plant()
