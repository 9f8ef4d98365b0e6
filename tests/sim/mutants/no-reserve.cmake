# A place in a window is taken when the request is sent, not when the key is lent.
include("${CMAKE_CURRENT_LIST_DIR}/plant.cmake")
replace([[gauge.pending += amount_of(gauge.counts, charge);]] [[]])
replace([[    gauge.pending -= amount;
    gauge.send]] [[    gauge.send]])
replace([[    gauge.pending -= amount_of(gauge.counts, charge);
]] [[]])
plant()
