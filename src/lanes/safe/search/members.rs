//! The members of the objects that are searched, so that a name that is none is refused also where there is no object yet.

pub(super) const ITEM: &str = "id sqlId sequentialOrgId sequentialCaseId sequentialCaseIdNested barcode barcodes description \
    active recoveryDate dateCreated recoveryLocation recoveryLocationLatitude recoveryLocationLongitude locationId location \
    fullLocation lastLocationId lastLocation statusId status categoryId category custodyReasonId custodyReason recoveredById \
    recoveredBy submittedById submittedBy custodianId custodian currentOfficeId currentOfficeName primaryCaseId \
    primaryCaseNumber primaryCaseOfficerIds primaryCaseOfficers primaryCaseOffenseTypeId primaryCaseOffenseType \
    isPrimaryCaseRestricted isForbidden make model serialNumber creatingOrgId loaningOrgId incomingOrgId cases caseModels \
    childItems tasks notes tags formData media people peopleIds peopleNames peopleGuids mediaAmount formDataAmount \
    notesAmount tagsAmount barcodesAmount childItemsAmount tasksAmount historiesAmount rootMediaFolderId parentItemId \
    parentItemDescription parentSequentialOrgId updatedDateTime";

pub(super) const CASE: &str = "id caseNumber caseOfficerIds caseOfficers caseOfficerId caseOfficer offenseTypeId offenseType \
    offenseDescription offenseLocation offenseDate followUpDate active officeId officeName creatorId creator createdDate \
    organizationId organizationName items nextItemId media mediaAmount rootMediaFolderId formData formDataAmount notes \
    notesAmount itemsNotesAmount tags tagsAmount peopleAmount tasksAmount historiesAmount closedDate reviewDate \
    reviewDateNotes isRestricted permissionAmount permissions isForbidden";

pub(super) const PERSON: &str = "id guid organizationId userId createDateTime updatedDateTime isDeleted businessName name \
    displayedName firstName middleName lastName alias driverLicence email dob mobilePhone otherPhone raceId race genderId \
    gender deceased juvenile active personTypeId formDataAmount formData notesAmount notes media mediaAmount \
    rootMediaFolderId defaultAddress isForbidden";
