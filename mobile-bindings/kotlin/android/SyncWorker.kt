// NOT BUILT HERE: for an Android app to copy.
package your.app

import android.content.Context
import androidx.work.BackoffPolicy
import androidx.work.Constraints
import androidx.work.CoroutineWorker
import androidx.work.ExistingPeriodicWorkPolicy
import androidx.work.NetworkType
import androidx.work.PeriodicWorkRequestBuilder
import androidx.work.WorkManager
import androidx.work.WorkerParameters
import gridlog.ffi.GridlogException
import java.util.concurrent.TimeUnit

/**
 * One sync in the background, and the photos that may go. WorkManager cancels the coroutine when its time is over; nothing
 * is lost then.
 */
class SyncWorker(context: Context, parameters: WorkerParameters) : CoroutineWorker(context, parameters) {
    override suspend fun doWork(): Result = try {
        val phone = (applicationContext as App).phone()
        // First of all: this process may be new, and does not know the network.
        applicationContext.sayNetwork(phone)
        val report = phone.sync()
        val photos = phone.sendPhotos()
        // What the worker holds back waits for the worker.
        val isDone = report.complete && (photos.left == 0uL || photos.heldBack != null)
        if (isDone) Result.success() else Result.retry()
    } catch (later: GridlogException.TryLater) {
        Result.retry()
    } catch (signIn: GridlogException.SignIn) {
        Result.failure() // Show the sign-in when the app is opened next.
    } catch (other: GridlogException) {
        Result.failure() // Time does not mend it. A periodic work runs again at its next time all the same.
    }
}

/** Every quarter of an hour while there is a network; a worker who opens the app syncs by `stayInSync`. */
fun scheduleSync(context: Context) {
    val request = PeriodicWorkRequestBuilder<SyncWorker>(15, TimeUnit.MINUTES)
        .setConstraints(Constraints.Builder().setRequiredNetworkType(NetworkType.CONNECTED).build())
        .setBackoffCriteria(BackoffPolicy.EXPONENTIAL, 1, TimeUnit.MINUTES)
        .build()
    WorkManager.getInstance(context).enqueueUniquePeriodicWork("gridlog", ExistingPeriodicWorkPolicy.KEEP, request)
}
