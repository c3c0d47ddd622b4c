package gridlog

import gridlog.ffi.GridlogException
import gridlog.ffi.Attached
import gridlog.ffi.Connectivity
import gridlog.ffi.Draft
import gridlog.ffi.EnrolOptions
import gridlog.ffi.FieldValue
import gridlog.ffi.FilePolicy
import gridlog.ffi.FileProgress
import gridlog.ffi.FileReport
import gridlog.ffi.FileRules
import gridlog.ffi.Finding
import gridlog.ffi.FoundOnline
import gridlog.ffi.GenerationMarker
import gridlog.ffi.GridlogPhone
import gridlog.ffi.Identity
import gridlog.ffi.KeyStore
import gridlog.ffi.ListUpdate
import gridlog.ffi.Network
import gridlog.ffi.NewReport
import gridlog.ffi.NewVisit
import gridlog.ffi.OpenOptions
import gridlog.ffi.PhotoRole
import gridlog.ffi.Query
import gridlog.ffi.RecordDetail
import gridlog.ffi.RecordRow
import gridlog.ffi.RowsListener
import gridlog.ffi.SetAside
import gridlog.ffi.Status
import gridlog.ffi.Step
import gridlog.ffi.StepDetails
import gridlog.ffi.SyncReport
import gridlog.ffi.Task
import java.nio.file.Path
import java.time.Duration
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.withContext

/**
 * A worker's phone: one encrypted store, shared by every screen, with or without signal.
 *
 * ```kotlin
 * Gridlog.open(store, "https://grid.example", keys, marker).use { phone ->
 *     phone.enrol("W001", password, "my phone")
 *     phone.report(NewReport(title = "井盖缺失", category = "01014"))
 *     phone.sync()
 * }
 * ```
 *
 * Every function may be called from any thread, the main thread included: what touches the store runs on
 * [dispatcher][open]. A function that records returns when its change is on the disk. One that fails has
 * written nothing and throws a [GridlogException]; cancelling the coroutine of a sync ends the sync between two
 * requests, and keeps what was exchanged.
 */
class Gridlog private constructor(
    /** The generated surface, for what this layer does not have. */
    val core: GridlogPhone,
    private val dispatcher: CoroutineDispatcher,
) : AutoCloseable {
    companion object {
        /**
         * Opens the store at [store], makes it if it is missing, and migrates it if an older version wrote it.
         *
         * @param store the file; its folder must exist, and belongs out of the system's backup
         * @param server address of the district's server; nothing is sent before [enrol]
         * @param keys gives the store's key; see [keyStore]
         * @param marker keeps 16 bytes where backups do not reach; see [FileMarker]
         * @param dispatcher where calls to the store run
         * @throws GridlogException.Store `wrong_key`, `store_newer`, `key_store_failed` …; the store is left untouched
         * @throws GridlogException.Internal `other_api` if the native library is missing or not of the build that
         * this code was generated from
         */
        suspend fun open(
            store: Path,
            server: String,
            keys: KeyStore,
            marker: GenerationMarker,
            dispatcher: CoroutineDispatcher = Dispatchers.IO,
        ): Gridlog = withContext(dispatcher) {
            checkLibrary()
            Gridlog(GridlogPhone.open(OpenOptions(store.toString(), server), keys, marker), dispatcher)
        }
    }

    private suspend fun <T> io(work: GridlogPhone.() -> T): T = withContext(dispatcher) { core.work() }

    /** Who enrolled this phone; null before [enrol]. */
    suspend fun identity(): Identity? = io { identity() }

    /** Makes this phone a device of [person], whose [password] is sent and not kept. */
    suspend fun enrol(person: PersonId, password: String, deviceName: String): Identity =
        core.enrol(EnrolOptions(person, password, deviceName), null)

    /** Signs the same person in again, after `sign_in_again`. Everything on the phone is kept. */
    suspend fun signIn(password: String): Identity = core.signIn(password, null)

    /** Reports a problem. A [draft] that it was so far goes with the same commit. */
    suspend fun report(report: NewReport, draft: EntryId? = null): RecordId = io { report(report, draft) }

    /** Notes a problem without reporting it. */
    suspend fun noteCase(report: NewReport, draft: EntryId? = null): RecordId = io { noteCase(report, draft) }

    /** Records a visit. Nobody home is a visit too. */
    suspend fun visit(visit: NewVisit, draft: EntryId? = null): RecordId = io { visit(visit, draft) }

    /** Starts a patrol in [area], or in the worker's own. */
    suspend fun startPatrol(area: AreaCode? = null, route: String? = null): RecordId =
        io { startPatrol(area, route) }

    /** Enters the finding of one checklist item of a patrol. */
    suspend fun inspect(patrol: RecordId, item: String, finding: Finding, note: String = ""): EntryId =
        io { inspect(patrol, item, finding, note) }

    /** Ends a patrol; [notes] are added to those that stand. */
    suspend fun finishPatrol(patrol: RecordId, notes: String? = null): Unit = io { finishPatrol(patrol, notes) }

    /**
     * Replaces fields, all in one change. [shown] is the `revision` of what the worker had before them; what
     * came in since then is kept beside theirs as a conflict.
     */
    suspend fun edit(record: RecordId, fields: Map<String, FieldValue>, shown: String? = null): Unit =
        io { edit(record, fields, shown) }

    /** Rewrites prose; only what differs from [before] is written. */
    suspend fun editProse(record: RecordId, field: String, after: String, before: String? = null): Unit =
        io { editProse(record, field, after, before) }

    /** Ends a conflict at [place]: [value] stands, the values that [seen] names are settled. */
    suspend fun resolve(record: RecordId, place: String, value: FieldValue, seen: List<String>): Unit =
        io { resolve(record, place, value, seen) }

    /** Says something. */
    suspend fun comment(record: RecordId, text: String): EntryId = io { comment(record, text) }

    /** Asks for a workflow step; the server rules on it. */
    suspend fun propose(record: RecordId, step: Step, details: StepDetails = StepDetails()): EntryId =
        io { propose(record, step, details) }

    /** Asks to take back a step. */
    suspend fun withdraw(record: RecordId, proposal: EntryId): EntryId = io { withdraw(record, proposal) }

    /** Marks a record as deleted. */
    suspend fun delete(record: RecordId): Unit = io { deleteRecord(record) }

    /** Sends something that was sent back once more, with the next sync. */
    suspend fun retry(item: EntryId): Unit = io { retry(item) }

    /** Lets something that was sent back go, for good. */
    suspend fun dismiss(item: EntryId): Unit = io { dismiss(item) }

    /** Keeps unfinished input on this phone; it is never sent. */
    suspend fun saveDraft(json: String, draft: EntryId? = null): EntryId = io { saveDraft(json, draft) }

    /** Every draft, the one saved last first. */
    suspend fun drafts(): List<Draft> = io { drafts() }

    /** Lets a draft go, for good. */
    suspend fun discardDraft(draft: EntryId): Unit = io { discardDraft(draft) }

    /** The rows of [query], the latest change first. No document is opened. */
    suspend fun list(query: Query = Query()): List<RecordRow> = io { list(query) }

    /** Records that hold [text]: any substring, from one character on. */
    suspend fun search(text: String, limit: UInt = 100u): List<RecordRow> = io { search(text, limit) }

    /** Everything about one record; null if it is not here. */
    suspend fun show(record: RecordId): RecordDetail? = io { show(record) }

    /** What waits for the person. */
    suspend fun tasks(): List<Task> = io { tasks() }

    /** Where everything stands. */
    suspend fun status(): Status = io { status() }

    /** Whether everything recorded here is in the log, by the server's signed word. */
    suspend fun allInLog(): Boolean = io { allInLog() }

    /** Rows of which something of one's own is not in the log. */
    suspend fun notInLog(): List<RecordRow> = io { notInLog() }

    /** Rows that leave this phone with the next sync. */
    suspend fun leaving(): List<RecordRow> = io { leaving() }

    /** Records that could not be read as they came from the server. */
    suspend fun setAside(): List<SetAside> = io { setAside() }

    /**
     * The rows of [query]: at once, and after every commit that changed them. A collector that is slow gets the
     * latest rows and misses those between. What it throws ends this flow and nothing else.
     */
    fun watch(query: Query = Query()): Flow<ListUpdate> = callbackFlow {
        val listener = object : RowsListener {
            override fun onRows(update: ListUpdate) {
                trySend(update)
            }
        }
        val subscription = core.watch(query, listener)
        awaitClose { subscription.use { it.stop() } }
    }.conflate()

    /**
     * Sends everything unsent and pulls everything new. It may be called at any time, and again after any
     * failure. Cancelling the coroutine cancels it.
     */
    suspend fun sync(): SyncReport = core.sync(null)

    /**
     * Takes the photo in the file [photo] into a record, in milliseconds to a second: takes place and device out of it,
     * makes its preview, and keeps both encrypted beside the store. The file is the app's and stays as it is. A photo
     * that the record has already in that [role] is that one. Cancelling the coroutine leaves nothing behind, unless
     * the photo is attached already. Hand over a JPEG: of a HEIC or AVIF the place cannot be taken out, so it is refused
     * unless the district's rules keep what cameras say.
     *
     * @throws GridlogException.Input `file_not_cleanable`, `file_too_large`, `record_full`, `file_empty`, `file_unreadable`
     * @throws GridlogException.Store `disk_full`, `file_store_failed`
     */
    suspend fun attach(record: RecordId, photo: Path, role: PhotoRole): Attached =
        core.attach(record, photo.toString(), role, null)

    /** The photos that were attached on this phone, of one record or of all, and where each stands. */
    suspend fun photos(record: RecordId? = null): List<FileProgress> = io { files(record) }

    /**
     * What [photos] gives: at once, and again whenever it is something else. It is looked at [every] so often while
     * somebody collects, and not otherwise.
     */
    fun watchPhotos(record: RecordId? = null, every: Duration = Duration.ofMillis(250)): Flow<List<FileProgress>> = flow {
        while (true) {
            emit(photos(record))
            delay(every.toMillis())
        }
    }.distinctUntilChanged()

    /**
     * Says over which networks photos may go, and which [network] there is now; to be called when either changes. It
     * holds until it is said again, for [stayInSync] and for the sending that runs, too. At first they go over any.
     * The [policy] is kept; the [network] is not, and until it is said after a start it counts as one that costs.
     */
    fun allowPhotos(policy: FilePolicy, network: Network): Unit = core.allowFiles(policy, network)

    /** Over which networks photos may go, as [allowPhotos] said last, also before a restart. */
    val photoPolicy: FilePolicy get() = core.filePolicy()

    /**
     * Sends the photos that are only on this phone, as far as [allowPhotos] lets them go: for an app that does not
     * [stayInSync]. Sync first: a photo waits for its record. Cancelling the coroutine cancels it; each photo goes on
     * the next time where the server has it.
     *
     * @throws GridlogException.TryLater without signal, from a busy server, or with `sending_files` while it runs
     */
    suspend fun sendPhotos(): FileReport = core.sendFiles(null)

    /** Lets a photo that needs the worker be sent again. */
    suspend fun retryPhoto(record: RecordId, photo: FileHash): Unit = io { retryFile(record, photo) }

    /** Gives up sending a photo that needs the worker. */
    suspend fun giveUpPhoto(record: RecordId, photo: FileHash): Unit = io { giveUpFile(record, photo) }

    /**
     * The preview of a photo, a small JPEG: from this phone, else from the server. Cancelling the coroutine, as when a
     * row scrolls away, cancels it.
     *
     * @throws GridlogException.Server `no_preview`
     * @throws GridlogException.TryLater without signal, if it is not here
     */
    suspend fun preview(record: RecordId, photo: FileHash): ByteArray =
        io { preview(photo) } ?: core.fetchPreview(record, photo, null)

    /**
     * Writes a photo to the file [to], where nothing may be yet, unencrypted: for a viewer. It is fetched first if it is
     * somebody else's and not here. Whoever asked for it removes it again. Cancelling the coroutine leaves nothing at
     * [to].
     *
     * @throws GridlogException.Server `file_not_here` while its author has not sent it
     * @throws GridlogException.Input `file_unwritable`, also if there is something at [to]
     */
    suspend fun savePhoto(record: RecordId, photo: FileHash, to: Path) {
        try {
            core.exportFile(photo, to.toString(), null)
        } catch (notHere: GridlogException.Input) {
            if (notHere.code != "unknown_file") throw notHere
            core.fetchFile(record, photo, null)
            core.exportFile(photo, to.toString(), null)
        }
    }

    /** What may be attached here. */
    suspend fun photoRules(): FileRules = io { fileRules() }

    /** Sets what may be attached from here on, as the district has decided; it is kept. */
    suspend fun setPhotoRules(rules: FileRules): Unit = io { setFileRules(rules) }

    /** Syncs, and compares every record with the server's. */
    suspend fun verify(): SyncReport = core.verify(null)

    /**
     * Keeps this phone in sync until the coroutine is cancelled or the phone is closed: for as long as the app is open.
     * Photos go too, as far as [allowPhotos] lets them.
     */
    suspend fun stayInSync(): Unit = core.stayInSync(null)

    /** Asks the server for records whose headline holds [text]. It needs signal. */
    suspend fun searchOnline(text: String, limit: UInt = 50u): List<FoundOnline> = core.searchOnline(text, limit, null)

    /**
     * Asks [isOnline] before every request from here on, on the thread of the sync; without one, every request
     * is sent. While it says false, [sync] fails with `unreachable` and nothing is sent.
     */
    fun useNetworkWhile(isOnline: (() -> Boolean)?) {
        core.setConnectivity(
            isOnline?.let {
                object : Connectivity {
                    override fun isOnline(): Boolean = it()
                }
            },
        )
    }

    /**
     * Closes the store: what runs is asked to end and is not waited for, watches end, later calls fail with `shut_down`.
     * The last that runs closes the file; if nothing runs, this does, on the calling thread, in milliseconds.
     */
    override fun close() {
        core.shutDown()
    }
}
