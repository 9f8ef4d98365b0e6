# A key rests because its caller gave up.
include("${CMAKE_CURRENT_LIST_DIR}/plant.cmake")
replace([[consequence(failure.failure).credential]]
        [[failure.failure == FailureClass::cancelled ? CredentialEffect::rest : consequence(failure.failure).credential]])
replace([[effect == CredentialEffect::rest && failure.scope == Scope::call]] [[false]])
plant()
